// Drives a browser through one flow: node run.mjs <flow> <address of the service> [program of the browser] [folder for screenshots]
//
// Each step of the flow is a line of JSON on the standard output: {"step":…,"ok":true,"seconds":…}, or with "error" and "screenshot" the
// one that failed. A line {"ask":…} asks whoever started this for something that only they can do; a line on the standard input answers.
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const [flow, base, executablePath = '/usr/bin/chromium', pictures = 'pictures'] = process.argv.slice(2)
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const pages = []

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

export const password = 'Correct-horse-7'

/** A user of their own for this flow, and a way to call the service as them. */
async function createUser(name = `user-${crypto.randomUUID().slice(0, 12)}`) {
  const ask = async (method, path, body, token) => {
    const response = await fetch(base + path, {
      method,
      headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    })
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    }
    return response.status === 204 ? null : response.json()
  }
  await ask('POST', '/auth/register', { username: name, email: `${name}@example.org`, password })
  const login = await fetch(`${base}/auth/login`, { method: 'POST', body: new URLSearchParams({ username: name, password }) })
  const { access_token: token } = await login.json()

  return { name, password, ask: (method, path, body) => ask(method, path, body, token) }
}

const browser = await chromium.launch({ executablePath, args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage'] })

/** A page in a browser profile of its own, with what goes wrong in it written down where the page is ours. */
async function open({ isOurs = true, ...options } = {}) {
  const context = options.context ?? (await browser.newContext({ baseURL: base, locale: 'en-GB', timezoneId: 'Europe/Berlin', acceptDownloads: true, ...options }))
  context.setDefaultTimeout(15_000)
  if (!options.context) {
    await context.addInitScript({ path: axe })
  }
  const page = await context.newPage()
  page.errors = []
  if (isOurs) {
    page.on('pageerror', (error) => page.errors.push(String(error.stack ?? error)))
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && page.errors.push(`${message.text()} ${message.location().url ?? ''}`))
  }
  pages.push(page)
  await page.goto('/')
  return page
}

async function logIn(page, { name }) {
  await page.getByLabel(/User name or e-mail|Имя пользователя или почта/).fill(name)
  await page.getByLabel(/^(Password|Пароль)$/).fill(password)
  await page.getByRole('button', { name: /^(Log in|Войти)$/ }).click()
  await page.getByRole('textbox', { name: /^(New task|Новая задача)$/ }).waitFor()
}

/** Adds a task by the line of the page, and waits until the service has it. */
async function addTask(page, line, title = line) {
  const input = page.getByRole('textbox', { name: /^(New task|Новая задача)$/ })
  await input.fill(line)
  await input.press('Enter')
  await row(page, title).and(page.locator('[aria-busy=false]')).waitFor()
}

const row = (page, title) => page.locator('li.task').filter({ has: page.locator('.task-title', { hasText: new RegExp(`^${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`) }) })

async function step(name, action) {
  const start = Date.now()
  try {
    const result = await action()
    say({ step: name, ok: true, seconds: (Date.now() - start) / 1000 })
    return result
  } catch (error) {
    await mkdir(pictures, { recursive: true })
    const screenshot = join(pictures, `${flow}-failed.png`)
    await pages.at(-1)?.screenshot({ path: screenshot }).catch(() => {})
    say({ step: name, ok: false, seconds: (Date.now() - start) / 1000, error: String(error.stack ?? error), screenshot, console: pages.flatMap((page) => page.errors) })
    await browser.close()
    process.exit(1)
  }
}

/** Asks again until the condition is true. */
async function until(what, condition, limit = 15_000) {
  for (const end = Date.now() + limit; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (await condition()) {
      return
    }
  }
  throw new Error(`It did not come true within ${limit / 1000} s: ${what}.`)
}

async function askHost(what) {
  say({ ask: what })
  await answers.next()
}

/** Fails where axe finds a violation of WCAG 2.2 A or AA, or of its own best practices. */
async function checkAccessibility(page, what) {
  // Colours are checked where they have come to rest.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))))
  const violations = await page.evaluate(async () => (await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations)
  if (violations.length > 0) {
    throw new Error(`${what}: ${violations.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`).join('\n')}`)
  }
}

function equal(actual, expected, what = '') {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) {
    throw new Error(`${what} is ${a}, not ${b}`)
  }
}

const { default: run } = await import(`./flows/${flow}.mjs`)
await run({ step, open, createUser, logIn, addTask, row, until, askHost, checkAccessibility, equal, pictures, base, browser, password })
await step('nothing was written to the console', () => equal(pages.flatMap((page) => page.errors), [], 'the console'))
await browser.close()
process.exit(0)
