import { useState } from 'react'
import { failureText } from '../authority/failure-text.ts'
import { StepUpRefused, useAct } from '../authority/step-up.tsx'

/** One request at a time for a form or a button, with what became of it. */
export function useRequest() {
  const act = useAct()
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  /** @returns whether it succeeded */
  const run = async (action: () => Promise<void>): Promise<boolean> => {
    setBusy(true)
    setFailure(null)
    try {
      await act(action)
      return true
    } catch (error) {
      if (!(error instanceof StepUpRefused)) setFailure(failureText(error))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { busy, failure, run, clear: () => setFailure(null) }
}
