export default async ({ step, open, createUser, logIn, addTask, row, until, equal, askHost, browser }) => {
  const user = await createUser()
  const page = await open()
  await logIn(page, user)
  const titles = async () => (await user.ask('GET', '/tasks?limit=200&sort=created_at')).items.map((task) => task.title)

  await step('without a connection the page says so and takes what is typed', async () => {
    await addTask(page, 'Before')
    await page.context().setOffline(true)
    const input = page.getByRole('textbox', { name: 'New task' })
    for (const title of ['While away 1', 'While away 2']) {
      await input.fill(title)
      await input.press('Enter')
    }
    await row(page, 'While away 2').getByText('Saving…').waitFor()
    await page.getByRole('checkbox', { name: 'Done: Before' }).check()
    await page.getByText('No connection.').waitFor()
    await page.getByText('3 changes wait').waitFor()
    await input.fill('Half a thought')
  })

  await step('with the connection back everything arrives once, in order', async () => {
    await page.context().setOffline(false)
    await page.getByText('No connection.').waitFor({ state: 'detached' })
    await until('all of it is stored', async () => (await titles()).join() === 'Before,While away 1,While away 2')
    await until('what was done is done', async () => (await user.ask('GET', '/tasks?completed=true')).items.map((task) => task.title).join() === 'Before')
    equal(await page.getByRole('textbox', { name: 'New task' }).inputValue(), 'Half a thought', 'the line')
  })

  await step('what is typed outlives a reload', async () => {
    await page.getByRole('button', { name: 'Edit: While away 1' }).click()
    await page.getByLabel('Notes').fill('Not saved yet')
    await page.reload()
    equal(await page.getByRole('textbox', { name: 'New task' }).inputValue(), 'Half a thought', 'the line')
    await page.getByLabel('Notes').waitFor()
    equal(await page.getByLabel('Notes').inputValue(), 'Not saved yet', 'the notes')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('textbox', { name: 'New task' }).fill('')
  })

  await step('an answer that got lost does not make a task twice', async () => {
    let lost = 0
    await page.route('**/tasks', async (route) => {
      if (route.request().method() === 'POST' && lost++ === 0) {
        await route.fetch()
        await route.abort('connectionreset')
      } else {
        await route.continue()
      }
    })
    await addTask(page, 'Once only')
    await page.unroute('**/tasks')
    equal((await titles()).filter((title) => title === 'Once only').length, 1, 'how often it is there')
  })

  await step('on a slow network the page is there soon and works', async () => {
    const slow = await open()
    const session = await slow.context().newCDPSession(slow)
    await session.send('Network.enable')
    await session.send('Network.setCacheDisabled', { cacheDisabled: true })
    await session.send('Network.emulateNetworkConditions', { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 })
    const start = Date.now()
    await slow.reload()
    await slow.getByRole('heading', { name: 'Log in' }).waitFor()
    const seconds = (Date.now() - start) / 1000
    if (seconds > 12) {
      throw new Error(`It took ${seconds} s to show the form, at 400 ms and 50 kB/s.`)
    }
    await logIn(slow, user)
    await addTask(slow, 'Slowly')
    await until('it is stored', async () => (await titles()).includes('Slowly'))
  })

  await step('a replica of the service that is killed costs nobody anything', async () => {
    const added = []
    let killed = false
    const killing = askHost('kill a replica of the API').then(() => (killed = true))
    for (let i = 0; i < 6 || !killed; i++) {
      await addTask(page, `Through the storm ${i}`)
      added.push(`Through the storm ${i}`)
    }
    await killing
    await addTask(page, 'After the storm')
    await page.getByRole('checkbox', { name: 'Done: After the storm' }).check()
    await until('everything is stored once', async () => {
      const all = (await titles()).filter((title) => title.endsWith('the storm') || title.startsWith('Through the storm'))
      return all.join() === [...added, 'After the storm'].join()
    })
    await page.reload()
    await row(page, 'Through the storm 0').waitFor()
  })

  await step('a dead connection is all that the console tells of', async () => {
    for (const each of browser.contexts().flatMap((context) => context.pages())) {
      each.errors = each.errors.filter((error) => !/net::ERR_|Failed to load resource: the server responded with a status of 50[234]/.test(error))
    }
  })
}
