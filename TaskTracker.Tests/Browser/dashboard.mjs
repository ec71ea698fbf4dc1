import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

const { DASHBOARD_LOGIN: login, DASHBOARD_PICTURES: folder } = process.env

/** A browser that is logged in to Aspire's dashboard. Whoever started this told its address in the environment. */
export async function openDashboard(open) {
  const page = await open({ baseURL: new URL(login).origin, viewport: { width: 1280, height: 860 }, isOurs: false })
  await page.goto(login)
  await settled(page)
  return page
}

/** Goes to the first page, the resources. */
export async function goHome(page) {
  if (new URL(page.url()).pathname !== '/') {
    await page.goto('/')
  }
  await settled(page)
}

/**
 * Does something on the dashboard's pages. Where one of them breaks down, as they do on a busy machine when they are used before their
 * scripts have come, the page is loaded again and the same is done once more.
 */
export async function on(page, action, attempts = 3) {
  try {
    return await action()
  } catch (error) {
    if (attempts === 1 || !(await page.locator('#blazor-error-ui').isVisible())) {
      throw error
    }
    await page.goto('/')
    await settled(page)
    return on(page, action, attempts - 1)
  }
}

async function settled(page) {
  await resource(page, 'jobs').waitFor({ timeout: 60_000 })
  await page.waitForLoadState('networkidle')
}

/** The row of a resource; of replicas it is the first, for what they show is the same. */
export const resource = (page, name) => page.getByRole('row').filter({ has: page.getByText(new RegExp(`^${name}(-|$)`)) }).first()

/** The states of all resources, as the page shows them. */
export const states = (page) => page.locator('.state-column-cell > span').allTextContents()

/** Keeps what the page shows for docs/operations.md, where somebody asked for it. */
export async function picture(page, name) {
  if (folder) {
    await mkdir(folder, { recursive: true })
    // Dialogs and charts have come to rest.
    await page.waitForTimeout(500)
    await page.screenshot({ path: join(folder, `dashboard-${name}.png`), animations: 'disabled', caret: 'hide' })
  }
}
