import type { IdentityContext } from './identity-context.ts'

/** Answers no sooner than the failure time after it was asked, whatever comes of it: how long it took says nothing. */
export async function inEqualTime<T>(
  { monotonic, settings, wait }: Pick<IdentityContext, 'monotonic' | 'settings' | 'wait'>,
  work: () => Promise<T>,
): Promise<T> {
  const answerAt = monotonic() + settings.failureTime
  try {
    return await work()
  } finally {
    await wait(Math.max(0, answerAt - monotonic()))
  }
}
