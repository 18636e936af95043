/** What went wrong around the log since the start, for the metrics. */
export class AuditCounts {
  /** Records that could not be appended: what they tell of has not happened, or was a refusal. */
  appendFailures = 0
  /** By place. */
  readonly publishFailures = new Map<string, number>()

  publishFailed(place: string): void {
    this.publishFailures.set(place, (this.publishFailures.get(place) ?? 0) + 1)
  }
}
