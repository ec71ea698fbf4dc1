import { on, openDashboard, picture, resource } from '../dashboard.mjs'

/** What hangs, as the dashboard shows it. */
export default async ({ step, open, until, askHost, equal }) => {
  const page = await openDashboard(open)
  const state = () => resource(page, 'cache').locator('.state-column-cell > span').first().textContent()

  await step('all is well', async () => equal(await state(), 'Running', 'the cache'))

  await step('a cache that hangs is unhealthy within 15 seconds', async () => {
    await askHost('freeze')
    await until('its row says so', async () => (await state()).includes('Unhealthy'), 15_000)
  })

  await step('one click shows why', () => on(page, async () => {
    await resource(page, 'cache').click()
    await page.getByText('Redis does not answer').waitFor()
    await page.getByText('Redis does not answer').scrollIntoViewIfNeeded()
    await picture(page, 'unhealthy')
  }))

  await step('it is healthy again when it goes on', async () => {
    await askHost('thaw')
    await until('its row says so', async () => (await state()) === 'Running', 60_000)
  })
}
