import {
  type Cryptography,
  type HeldKeyring,
  MessageOpener,
  MessageSealer,
  ReplayState,
  SealError,
  sealEnvelope,
} from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { type ChannelSettings, TestDeployment, type TestSender } from './deployment.ts'

export const payload: Uint8Array = new TextEncoder().encode('open the valve')
export const live = { retained: false }

/** A deployment with one writer and one reader, and what they seal and open with. */
export async function plant(settings: Partial<ChannelSettings> = {}, cryptography: Cryptography = nodeCryptography) {
  const deployment = await TestDeployment.create(cryptography, settings)
  const writer = await deployment.addSender(['writer'])
  const reader = await deployment.addSender(['reader'])
  const keyring = await deployment.hold(reader)
  const openerWith = (replay: ReplayState) => new MessageOpener({ keyring, cryptography, replay })
  const opener = openerWith(new ReplayState())
  const sealer = async (sender: TestSender = writer, held?: HeldKeyring, lastSequence?: number) =>
    new MessageSealer({
      keyring: held ?? (await deployment.hold(sender)),
      cryptography,
      signingKey: sender.key,
      wallClock: () => deployment.time,
      ...(lastSequence === undefined ? {} : { lastSequence }),
    })
  const refresh = async () => {
    deployment.revision++
    await keyring.apply(await deployment.keyringOf(reader))
  }
  return { deployment, writer, reader, keyring, opener, openerWith, sealer, refresh }
}

/** The code that something is refused with; another error than a typed one is thrown on. */
export async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action()
    return 'accepted'
  } catch (error) {
    if (error instanceof SealError) return error.code
    throw error
  }
}

/** What somebody who holds the channel's key can put together in the name of `sender`. */
export async function forge(
  held: HeldKeyring,
  deployment: TestDeployment,
  sender: number,
  signer: TestSender | null,
  sequence = 0,
  topic = 'plant/pump',
): Promise<Uint8Array> {
  const epoch = held.channelOf(topic)!.epochs.get(deployment.epochs[0]!.epoch)!
  const session = nodeCryptography.randomBytes(8)
  const { suite } = epoch.policy
  const header = { suite, epoch: epoch.policy.epoch, sender, session, sealedAt: deployment.time, sequence }
  const inner = { contentType: null, distance: 0, timeToLive: null, intent: null }
  const key = await epoch.messageKey(sender, session)
  const data = epoch.additionalData(topic)
  return sealEnvelope(nodeCryptography, key, signer?.key ?? null, data, header, inner, payload)
}
