import { brokerContract } from './broker-contract.ts'

brokerContract('embedded', {
  start: async () => ({ broker: null }),
  restart: async () => {},
  stop: async () => {},
})
