import type { TopicSummary } from '../worker/protocol.ts'

export interface TreeNode {
  /** The last level. */
  label: string
  /** With all levels above. */
  path: string
  depth: number
  messages: number
  rejected: number
  /** Of the topic itself, if one is called so. */
  topic: TopicSummary | null
  children: TreeNode[]
}

/** The topics as a tree by their levels, sorted by name; counts are with all below. */
export function treeOf(topics: Iterable<TopicSummary>): TreeNode[] {
  const root: TreeNode = { label: '', path: '', depth: -1, messages: 0, rejected: 0, topic: null, children: [] }
  const byPath = new Map<string, TreeNode>()
  for (const summary of topics) {
    let parent = root
    let path: string | null = null
    for (const label of summary.topic.split('/')) {
      path = path === null ? label : `${path}/${label}`
      let node = byPath.get(path)
      if (!node) {
        node = { label, path, depth: parent.depth + 1, messages: 0, rejected: 0, topic: null, children: [] }
        byPath.set(path, node)
        parent.children.push(node)
      }
      node.messages += summary.messages
      node.rejected += summary.rejected
      parent = node
    }
    parent.topic = summary
  }
  sort(root.children)
  return root.children
}

function sort(nodes: TreeNode[]): void {
  nodes.sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0))
  for (const { children } of nodes) sort(children)
}
