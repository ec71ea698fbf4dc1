export default async ({ step, open, createUser, logIn, addTask, row, until, equal, checkAccessibility }) => {
  const user = await createUser()
  await user.ask('POST', '/tasks', { title: 'Long overdue', deadline: '2020-01-01T00:00:00Z', description: 'With notes' })
  const { id } = await user.ask('POST', '/tasks', { title: 'Done already' })
  await user.ask('PUT', `/tasks/${id}`, { completed: true })

  for (const colorScheme of ['light', 'dark']) {
    const page = await open({ colorScheme, reducedMotion: 'reduce' })

    await step(`${colorScheme}: logging in is accessible`, async () => {
      await checkAccessibility(page, 'log in')
      await page.getByRole('button', { name: 'New here? Create an account' }).click()
      await page.getByRole('button', { name: 'Create account' }).click()
      await checkAccessibility(page, 'register, with mistakes')
      await page.getByRole('button', { name: 'Have an account? Log in' }).click()
      await logIn(page, user)
    })

    await step(`${colorScheme}: the list is accessible in all its states`, async () => {
      await page.locator('.filter', { hasText: 'All' }).click()
      await row(page, 'Done already').waitFor()
      await page.getByRole('textbox', { name: 'New task' }).fill('Something tomorrow')
      await page.getByRole('button', { name: 'Pick a deadline' }).click()
      // The calendar of the browser itself is open now.
      await page.keyboard.press('Escape')
      await checkAccessibility(page, 'the list')
      await page.getByRole('textbox', { name: 'New task' }).fill('')
      await page.getByRole('button', { name: 'Pick a deadline' }).click()
      await page.getByRole('button', { name: 'Edit: Long overdue' }).click()
      await checkAccessibility(page, 'the editor')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Select', exact: true }).click()
      await page.getByRole('checkbox', { name: 'Select: Long overdue' }).check()
      await checkAccessibility(page, 'the selection')
      await page.getByRole('region', { name: 'Select' }).getByRole('button', { name: 'Cancel' }).click()
      await page.getByRole('button', { name: 'Delete: Long overdue' }).click()
      // Who reaches for it has all the time they need; the check takes a while on a busy machine.
      await page.getByRole('button', { name: 'Undo' }).focus()
      await checkAccessibility(page, 'the toast')
      await page.getByRole('button', { name: 'Undo' }).click()
      await page.getByLabel('Menu', { exact: true }).last().click()
      await checkAccessibility(page, 'the menu')
      await page.keyboard.press('Escape')
      await page.getByRole('searchbox').fill('nowhere')
      await page.getByText('Nothing found for').waitFor()
      await checkAccessibility(page, 'an empty list')
      await page.getByRole('searchbox').fill('')
      await row(page, 'Long overdue').waitFor()
      await page.context().setOffline(true)
      await page.getByRole('checkbox', { name: 'Done: Long overdue' }).click()
      await page.getByText('No connection.').waitFor()
      await checkAccessibility(page, 'without a connection')
      await page.getByRole('checkbox', { name: 'Done: Long overdue' }).click()
      await page.context().setOffline(false)
      await page.getByText('No connection.').waitFor({ state: 'detached' })
      page.errors = page.errors.filter((error) => !error.includes('net::ERR_'))
    })

    await step(`${colorScheme}: dialogs are accessible, keep the focus and give it back`, async () => {
      for (const name of ['Statistics', 'Export', 'Reminders']) {
        await page.getByRole('button', { name, exact: true }).click()
        await page.getByRole('dialog', { name }).waitFor()
        await until('its content', async () => !(await page.getByRole('dialog').getByText('Loading…').count()))
        await checkAccessibility(page, name)
        await page.keyboard.press('Escape')
        await page.getByRole('dialog').waitFor({ state: 'detached' })
        equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent), name, 'where the focus is')
      }
    })

    await step(`${colorScheme}: nothing moves for those who asked for that`, async () => {
      equal(await page.evaluate(() => document.getAnimations().length), 0, 'animations')
    })
  }

  const page = await open()
  await step('everything can be done by keyboard alone', async () => {
    await page.keyboard.type(user.name)
    await page.keyboard.press('Tab')
    await page.keyboard.type(user.password)
    await page.keyboard.press('Enter')
    await page.getByRole('textbox', { name: 'New task' }).waitFor()
    const reach = async (selector) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab')
        if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) {
          const outline = await page.evaluate(() => {
            const element = document.activeElement
            return [element, element.nextElementSibling, element.parentElement].some((each) => each && (getComputedStyle(each).outlineStyle !== 'none' || getComputedStyle(each).boxShadow.includes('1px')))
          })
          equal(outline, true, `the focus can be seen at ${selector}`)
          return
        }
      }
      throw new Error(`Tab does not reach ${selector}.`)
    }
    await reach('.add-input')
    await page.keyboard.type('By keyboard')
    await page.keyboard.press('Enter')
    await row(page, 'By keyboard').and(page.locator('[aria-busy=false]')).waitFor()
    await reach('.search input')
    await reach('.filter input')
    await reach('.task-check')
    await page.keyboard.press('Enter')
    await page.keyboard.press('End')
    await page.keyboard.type(', edited')
    await page.keyboard.press('Enter')
    await row(page, 'By keyboard, edited').waitFor()
    await page.keyboard.press('Space')
    await until('it is done', async () => (await user.ask('GET', '/tasks?completed=true&q=keyboard')).items.length === 1)
  })
}
