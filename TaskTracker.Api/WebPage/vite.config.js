import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { defineConfig } from 'vite'

/** Writes each file also as brotli and gzip, as small as they get: the service only picks one. */
const compressed = {
  name: 'compressed',
  writeBundle({ dir }, bundle) {
    for (const { fileName } of Object.values(bundle)) {
      const content = readFileSync(join(dir, fileName))
      writeFileSync(join(dir, `${fileName}.br`), brotliCompressSync(content))
      writeFileSync(join(dir, `${fileName}.gz`), gzipSync(content, { level: 9 }))
    }
  },
}

export default defineConfig({
  plugins: [compressed],
  build: { modulePreload: { polyfill: false }, assetsInlineLimit: 0, emptyOutDir: true },
  // 'npm run dev' shows changes at once, over an API that runs beside it.
  server: { proxy: Object.fromEntries(['/auth', '/tasks', '/operations', '/exports', '/notifications'].map((path) => [path, 'http://localhost:8000'])) },
})
