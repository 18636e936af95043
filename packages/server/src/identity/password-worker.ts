import { parentPort } from 'node:worker_threads'
import type { PasswordAnswer, PasswordQuestion, Strength } from './password-judge.ts'

// Runs beside the event loop: judging a long password takes up to a second, a bcrypt hash a third of one.

/** Judging takes time that grows steeply with the length; what comes after these characters only adds strength. */
const judgedLength = 48

async function loadJudge(): Promise<(password: string, known: string[]) => Strength> {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ])
  const judge = new ZxcvbnFactory({
    translations: english.translations,
    graphs: common.adjacencyGraphs,
    dictionary: { ...common.dictionary, ...english.dictionary },
  })
  return (password, known) => {
    const { score, feedback } = judge.check([...password].slice(0, judgedLength).join(''), known)
    return { score, advice: [feedback.warning, ...feedback.suggestions].filter((text) => text !== null) }
  }
}

let judge: ReturnType<typeof loadJudge> | null = null

parentPort!.on('message', async (question: PasswordQuestion) => {
  const answer: PasswordAnswer = { id: question.id, strength: null, isRight: false, failed: false }
  try {
    if (question.ask === 'strength') {
      judge ??= loadJudge()
      answer.strength = (await judge)(question.password, question.known)
    } else {
      const { compareSync } = await import('bcryptjs')
      answer.isRight = compareSync(question.password, question.hash)
    }
  } catch {
    answer.failed = true
  }
  parentPort!.postMessage(answer)
})
