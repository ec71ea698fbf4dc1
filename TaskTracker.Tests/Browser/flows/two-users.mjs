export default async ({ step, open, createUser, logIn, addTask, row, until, equal }) => {
  const [ada, bob] = [await createUser(), await createUser()]
  const [first, second] = [await open(), await open({ locale: 'ru-RU' })]

  await step('two users in two browsers see their own tasks alone', async () => {
    await Promise.all([logIn(first, ada), logIn(second, bob)])
    await Promise.all([addTask(first, 'Of Ada'), addTask(second, 'Of Bob')])
    await Promise.all([first.reload(), second.reload()])
    await Promise.all([row(first, 'Of Ada').waitFor(), row(second, 'Of Bob').waitFor()])
    equal([await first.locator('.task').count(), await second.locator('.task').count()], [1, 1], 'how many each sees')
  })

  await step('one user in two browsers sees the same, and one whom the other logs out stays in', async () => {
    const elsewhere = await open()
    await logIn(elsewhere, ada)
    await row(elsewhere, 'Of Ada').waitFor()
    await addTask(elsewhere, 'From elsewhere')
    await first.reload()
    await row(first, 'From elsewhere').waitFor()
    await elsewhere.getByLabel('Menu', { exact: true }).last().click()
    await elsewhere.getByRole('button', { name: 'Log out' }).click()
    await elsewhere.getByRole('heading', { name: 'Log in' }).waitFor()
    await first.reload()
    await row(first, 'From elsewhere').waitFor()
  })

  await step('who logs in after another finds nothing that was typed', async () => {
    await first.getByRole('textbox', { name: 'New task' }).fill('A secret of Ada')
    await first.getByLabel('Menu', { exact: true }).last().click()
    await first.getByRole('button', { name: 'Log out' }).click()
    await first.getByRole('heading', { name: 'Log in' }).waitFor()
    await logIn(first, bob)
    await row(first, 'Of Bob').waitFor()
    equal(await first.getByRole('textbox', { name: 'New task' }).inputValue(), '', 'the line')
    await until('only Bob’s tasks', async () => (await first.locator('.task').count()) === 1)
  })
}
