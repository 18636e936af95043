/** Where and as whom a command is to be run. */
export interface Account {
  server: string
  email: string
}

/** A command for the person to run next, words quoted where a shell needs it. */
export const nextCommand = (...words: string[]): string =>
  ['sealmq', ...words]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ')

/** The same for one account. */
export const accountCommand = (words: string, { server, email }: Account, ...more: string[]): string =>
  nextCommand(...words.split(' '), '--server', server, '--email', email, ...more)

export const loginCommand = (account: Account): string => accountCommand('login', account)
