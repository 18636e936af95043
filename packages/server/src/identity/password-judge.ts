import { Worker } from 'node:worker_threads'

/** How hard a password is to guess: 0 (at once) to 4, and what would help. */
export interface Strength {
  score: number
  advice: string[]
}

export type PasswordQuestion = { id: number } & (
  | { ask: 'strength'; password: string; known: string[] }
  | { ask: 'bcrypt'; password: string; hash: string }
)
export interface PasswordAnswer {
  id: number
  strength: Strength | null
  isRight: boolean
  failed: boolean
}

/** The worker holds some 60 MB of word lists; without questions it goes after this time, ms. */
const idleTime = 20_000

// In the source tree and in the built one the worker stands beside this file, under that tree's ending.
const workerUrl = new URL(`./password-worker${import.meta.url.slice(-3)}`, import.meta.url)

type Asked = PasswordQuestion extends infer Q ? (Q extends { id: number } ? Omit<Q, 'id'> : never) : never

/** Asks a worker what would hold up the event loop. It is started with the first question and ends when it is idle. */
class PasswordJudge {
  readonly #waiting = new Map<number, { resolve: (answer: PasswordAnswer) => void; reject: (error: Error) => void }>()
  #worker: Worker | null = null
  #lastId = 0
  #idle: NodeJS.Timeout | null = null

  ask(question: Asked): Promise<PasswordAnswer> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    if (this.#idle) clearTimeout(this.#idle)
    const id = ++this.#lastId
    worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      worker.postMessage({ id, ...question })
    })
  }

  #start(): Worker {
    const worker = new Worker(workerUrl)
    worker.on('message', (answer: PasswordAnswer) => {
      const asked = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.failed) asked?.reject(new Error('The password could not be checked.'))
      else asked?.resolve(answer)
      if (this.#waiting.size > 0) return
      worker.unref()
      this.#idle = setTimeout(() => void worker.terminate(), idleTime).unref()
    })
    const fail = () => {
      if (this.#worker === worker) this.#worker = null
      for (const { reject } of this.#waiting.values()) reject(new Error('The check of the password ended.'))
      this.#waiting.clear()
    }
    worker.on('error', fail).on('exit', fail)
    return worker
  }
}

// One for the process: it knows nothing of any authority, and its word lists need not be loaded twice.
const judge = new PasswordJudge()

/** @param known words that belong to the person and so do not count: names, address */
export async function passwordStrength(password: string, known: string[]): Promise<Strength> {
  const { strength } = await judge.ask({ ask: 'strength', password, known })
  return strength!
}

/** Whether a password is the one of a bcrypt hash, as the original system made them. */
export async function isBcryptPassword(password: string, hash: string): Promise<boolean> {
  return (await judge.ask({ ask: 'bcrypt', password, hash })).isRight
}
