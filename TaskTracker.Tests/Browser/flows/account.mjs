export default async ({ step, open, until, equal, password }) => {
  const page = await open()
  const name = `Ada-${crypto.randomUUID().slice(0, 8)}`
  const field = (label) => page.getByLabel(label, { exact: true })

  await step('a form with mistakes says what is wrong, at its fields', async () => {
    await page.getByRole('button', { name: 'New here? Create an account' }).click()
    await field('Password').fill('short')
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByText('Please fill this in.').first().waitFor()
    await page.getByText('At least 8 characters, please.').waitFor()
    equal(await page.evaluate(() => document.activeElement.name), 'username', 'the field with the focus')
  })

  await step('somebody registers and is in', async () => {
    await field('User name').fill(name)
    await field('E-mail').fill(`${name}@example.org`)
    await field('Password').fill(password)
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByRole('textbox', { name: 'New task' }).waitFor()
    await page.getByText('Nothing to do.').waitFor()
  })

  await step('no script can read a token', async () => {
    const readable = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]))
    const cookie = (await page.context().cookies()).concat(await page.context().cookies('http://localhost/auth')).find((each) => each.name === 'tasktracker_refresh')
      ?? (await page.context().storageState()).cookies.find((each) => each.name === 'tasktracker_refresh')
    equal([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/auth'], 'the cookie')
    equal(readable.includes(cookie.value) || /CfDJ8|bearer/i.test(readable), false, 'a token in what scripts can read')
  })

  await step('a reload goes on without a word', async () => {
    await page.reload()
    await page.getByRole('textbox', { name: 'New task' }).waitFor()
  })

  await step('many tabs that begin together share one session', async () => {
    const tabs = await Promise.all([1, 2, 3].map(() => open({ context: page.context() })))
    for (const tab of tabs) {
      await tab.getByRole('textbox', { name: 'New task' }).waitFor()
    }
    await page.reload()
    await page.getByRole('textbox', { name: 'New task' }).waitFor()
    await Promise.all(tabs.map((tab) => tab.close()))
  })

  await step('an access token that ended is renewed before anybody notices', async () => {
    // The page's clock, an hour later: half an hour is what a token lasts.
    await page.clock.install()
    await page.reload()
    await page.getByRole('textbox', { name: 'New task' }).waitFor()
    const renewed = page.waitForResponse((response) => response.url().endsWith('/auth/refresh') && response.ok())
    await page.clock.fastForward('01:00:00')
    await page.getByRole('searchbox', { name: 'Search' }).fill('anything')
    await page.clock.runFor(1000)
    await renewed
    await page.getByText('Nothing found for').waitFor()
  })

  const other = await open({ context: page.context() })
  await step('logging out ends the session in every tab, and for good', async () => {
    await other.getByRole('textbox', { name: 'New task' }).waitFor()
    await page.getByLabel('Menu', { exact: true }).last().click()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await other.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    equal((await page.context().storageState()).cookies, [], 'what cookies are left')
  })

  await step('a wrong password is told, and the right one lets in', async () => {
    await other.close()
    await page.getByLabel('User name or e-mail').fill(name)
    await field('Password').fill('not my password')
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByText('User name or password is wrong.').waitFor()
    // The browser itself writes down that the answer was 401.
    await until('the browser has noted the refusal', () => page.errors.length > 0)
    page.errors = page.errors.filter((error) => !/401.*\/auth\/login/.test(error))
    await field('Password').fill(password)
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByRole('textbox', { name: 'New task' }).waitFor()
  })
}
