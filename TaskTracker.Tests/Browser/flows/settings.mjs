export default async ({ step, open, createUser, logIn, until, equal, checkAccessibility }) => {
  const user = await createUser()
  const page = await open({ reducedMotion: 'reduce' })
  await logIn(page, user)
  const dialog = page.getByRole('dialog', { name: 'Settings' })
  const stored = () => user.ask('GET', '/notifications/settings')

  await step('the settings are at hand and accessible', async () => {
    await page.getByLabel('Menu', { exact: true }).last().click()
    await page.getByRole('button', { name: 'Settings' }).click()
    await dialog.getByLabel('Webhook').waitFor()
    await checkAccessibility(page, 'the settings')
  })

  await step('e-mail is turned on, and a webhook gets its secret shown once', async () => {
    await dialog.getByLabel(`E-mail, ${user.name}@example.org`).check()
    // An address, so that nobody is asked for one; nothing is sent there.
    await dialog.getByLabel('Webhook').fill('https://93.184.216.34/tasks')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('Saved.').waitFor()
    const { email_enabled, webhook_url, webhook_secret_set } = await stored()
    equal([email_enabled, webhook_url, webhook_secret_set], [true, 'https://93.184.216.34/tasks', true], 'what is stored')
    equal((await dialog.locator('.secret code').textContent()).length > 20, true, 'the secret is shown')
  })

  await step('an address that is none is refused at its field, and nothing is changed', async () => {
    await dialog.getByLabel('Webhook').fill('not an address')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.locator('[aria-invalid=true]').waitFor()
    equal((await stored()).webhook_url, 'https://93.184.216.34/tasks', 'the address')
    // The browser itself writes down that the answer was 400.
    await until('the browser has noted the refusal', () => page.errors.length > 0)
    page.errors = page.errors.filter((error) => !/400.*\/notifications\/settings/.test(error))
  })

  await step('both are turned off again', async () => {
    await dialog.getByLabel(`E-mail, ${user.name}@example.org`).uncheck()
    await dialog.getByLabel('Webhook').fill('')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await until('it is stored', async () => !(await stored()).email_enabled && (await stored()).webhook_url === null)
  })
}
