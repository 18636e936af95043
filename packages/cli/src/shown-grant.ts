/** A grant for people: the channel, and of what is narrowed the filters. */
export const shownGrant = ({ channel, filters }: { channel: string; filters?: string[] }): string =>
  filters ? `${channel} (${filters.join(', ')})` : channel
