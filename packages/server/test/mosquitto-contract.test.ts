import { brokerContract } from './broker-contract.ts'
import { MosquittoProcess } from './mosquitto-process.ts'

let mosquitto: MosquittoProcess
brokerContract('Mosquitto', {
  start: async () => {
    mosquitto = await MosquittoProcess.start()
    return { broker: mosquitto.setting() }
  },
  restart: async () => {
    await mosquitto.end()
    await mosquitto.resume()
  },
  stop: () => mosquitto.end(),
})
