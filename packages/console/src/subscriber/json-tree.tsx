import { Button, Code } from '@mantine/core'
import { useState } from 'react'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import classes from './subscriber.module.css'

/** Entries that a level shows at first. */
const atFirst = 100

/** JSON with levels that open and close; long ones are marked. */
export function JsonTree({ value, name }: { value: unknown; name?: string }) {
  const [all, setAll] = useState(false)
  if (typeof value !== 'object' || value === null) {
    return (
      <div className={classes.jsonLeaf}>
        {name !== undefined && <span>{name}: </span>}
        <Code>{JSON.stringify(value)}</Code>
      </div>
    )
  }
  const entries = Object.entries(value)
  const shown = all ? entries : entries.slice(0, atFirst)
  return (
    <details open={name === undefined} className={classes.json}>
      <summary>
        {name ?? ''} {Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`}
      </summary>
      {shown.map(([key, item]) => (
        <JsonTree key={key} name={key} value={item} />
      ))}
      {shown.length < entries.length && (
        <Button size="compact-xs" variant="default" onClick={() => setAll(true)}>
          {text.showAll} ({entries.length})
        </Button>
      )}
    </details>
  )
}
