/** A clock that stands still until a test moves it. It begins at the start of a time step of the authenticator. */
export class TestClock {
  time = Math.ceil(Date.now() / 30_000) * 30_000

  readonly now = (): number => this.time

  /** Ahead, or back. */
  move(ms: number): void {
    this.time += ms
  }
}

export const second = 1000
export const minute = 60_000
export const hour = 3_600_000
