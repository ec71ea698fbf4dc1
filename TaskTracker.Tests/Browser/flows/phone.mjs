export default async ({ step, open, createUser, addTask, logIn, row, until, equal, checkAccessibility }) => {
  const user = await createUser()
  const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, locale: 'ru-RU', timezoneId: 'Asia/Yekaterinburg' })

  const fits = async (what) => {
    const { width, content } = await page.evaluate(() => ({ width: innerWidth, content: document.documentElement.scrollWidth }))
    equal(content <= width, true, `${what}: ${content} pixels fit into ${width}`)
    const small = await page.evaluate(() => [...document.querySelectorAll('button, summary, input, select, a')]
      .filter((element) => element.checkVisibility() && !element.closest('.unseen'))
      .map((element) => ({ name: element.outerHTML.slice(0, 80), box: (element.matches('[type=radio], [type=checkbox]') ? element.closest('label') ?? element : element).getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
      .map(({ name, box }) => `${name} ${box.width}×${box.height}`))
    equal(small, [], `${what}: what is too small for a finger`)
  }

  await step('on a phone the page is in its language and fits', async () => {
    await page.getByRole('heading', { name: 'Войти' }).waitFor()
    equal(await page.evaluate(() => document.documentElement.lang), 'ru', 'the language')
    await fits('log in')
    await logIn(page, user)
    await fits('the list')
  })

  await step('a task is added with a deadline in words, in the user’s zone', async () => {
    await addTask(page, 'Купить билеты послезавтра 10:00', 'Купить билеты')
    const [task] = (await user.ask('GET', '/tasks')).items
    equal(new Intl.DateTimeFormat('ru', { timeZone: 'Asia/Yekaterinburg', timeStyle: 'short' }).format(new Date(task.deadline)), '10:00', 'the time')
    await addTask(page, 'Оченьдлинноесловобезпробелов'.repeat(7).slice(0, 190))
    await fits('long words')
  })

  await step('tasks are done, edited and deleted by touch', async () => {
    await page.getByRole('checkbox', { name: 'Готово: Купить билеты' }).tap()
    await until('it is done', async () => (await user.ask('GET', '/tasks?completed=true')).items.length === 1)
    await page.getByRole('button', { name: 'Изменить: Купить билеты' }).tap()
    await fits('the editor')
    await page.getByRole('button', { name: 'Отмена' }).tap()
    await page.getByRole('button', { name: 'Удалить: Купить билеты' }).tap()
    await page.getByRole('button', { name: 'Вернуть' }).tap()
    await row(page, 'Купить билеты').waitFor()
  })

  await step('dialogs fit and are accessible', async () => {
    for (const name of ['Статистика', 'Экспорт', 'Напоминания']) {
      await page.getByRole('button', { name, exact: true }).tap()
      await page.getByRole('dialog', { name }).waitFor()
      await fits(name)
      await checkAccessibility(page, name)
      await page.getByRole('dialog').getByRole('button', { name: 'Закрыть' }).tap()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await page.getByRole('button', { name: 'Выбрать', exact: true }).tap()
    await page.getByRole('button', { name: 'Выбрать все показанные' }).tap()
    await fits('the selection')
    await checkAccessibility(page, 'the selection')
  })
}
