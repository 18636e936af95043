/** How far something has come, in one line of a terminal that is written anew; nothing where there is none. */
export class ProgressLine {
  #isShown = false

  /** @param total 0: not known */
  show(done: number, total: number, what: string): void {
    if (!process.stderr.isTTY) return
    this.#isShown = true
    const share = total > 0 ? ` (${Math.min(100, Math.floor((done / total) * 100))} %)` : ''
    process.stderr.write(`\r\x1b[K${counted(done, what)}${share}`)
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K')
    this.#isShown = false
  }
}

/** A number with its noun: `1,204 records`, `1 record`. */
export const counted = (number: number, noun: string, plural: string = `${noun}s`): string =>
  `${number.toLocaleString('en-US')} ${number === 1 ? noun : plural}`
