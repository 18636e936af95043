import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  // The authority puts a fresh nonce in its place with each page; see packages/server/src/http/console.ts.
  html: { cspNonce: 'NONCE_OF_THIS_PAGE' },
  worker: { format: 'es' },
  build: { target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
})
