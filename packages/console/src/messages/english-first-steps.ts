/** Texts of the page that a new authority begins with. */
export const firstStepsMessages = {
  title: 'First steps',
  intro: 'This authority is set up. Four things are worth doing before others come.',
  done: 'done',
  open: 'open',
  authenticator: {
    title: 'An authenticator for yourself',
    text: 'Without it, codes for your sign-in go by mail.',
    go: 'Add it in your account',
  },
  mail: {
    title: 'Mail',
    text: 'Codes and notices go to people by mail. Send yourself one, to see that it arrives.',
    send: 'Send a test mail',
    smtp: 'The mail server has taken it. Look into your mailbox.',
    outbox: (file: string) =>
      `No mail server is set, so mail is written into the folder outbox beside the data: ${file}. For real use start sealmq serve with --smtp.`,
  },
  channels: {
    title: 'Channels',
    text: 'A channel is a set of topics with a key of its own; roles say who may publish and subscribe.',
    go: 'Look at channels',
  },
  message: {
    title: 'Send yourself a first sealed message',
    text: (topic: string) =>
      `On ${topic}. It is sealed in this browser, goes over the broker and is opened here again.`,
    none: 'Your role does not both publish and subscribe to a channel, so there is nothing to send to yourself.',
    send: 'Seal and send',
    payload: 'The first sealed message',
    wrote: 'You wrote',
    saw: 'The broker saw',
    opened: 'You opened',
    waiting: 'On its way',
    proof: 'Signed by this tab, sealed for the members of the channel alone, and fresh.',
  },
}
