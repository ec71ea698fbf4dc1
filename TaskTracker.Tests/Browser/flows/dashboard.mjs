import { goHome, on, openDashboard, picture, resource, states } from '../dashboard.mjs'

const { DASHBOARD_LOGIN: login, DASHBOARD_API_KEY: apiKey, OPERATOR_KEY: operatorKey } = process.env
const exportJob = 'export_user_tasks'

const charted = {
  jobs: [
    'tasktracker.jobs.active', 'tasktracker.jobs.queued', 'tasktracker.jobs.nodes', 'tasktracker.jobs.start_delay', 'tasktracker.reminders.sent',
    'tasktracker.reminders.lateness', 'tasktracker.exports.tasks', 'quartz.job.execution.duration', 'db.client.operation.duration',
  ],
  api: ['tasktracker.cache.lookups', 'tasktracker.cache.lookup.duration', 'http.server.request.duration', 'db.client.connection.count', 'kestrel.active_connections'],
}

/** The dashboard as operators use it, over tasks, a reminder, an export that takes long and one that fails. */
export default async ({ step, open, createUser, until, equal, askHost, base }) => {
  const user = await createUser()
  const page = await step('an operator logs in', () => openDashboard(open))
  const dialog = page.locator('fluent-dialog')
  let clicks = 0

  const click = async (locator) => {
    clicks++
    await locator.click()
  }
  const command = async (name, title) => {
    await click(resource(page, name).getByTitle('Actions'))
    await page.getByRole('menuitem', { name: 'Commands', exact: true }).hover()
    await click(page.getByRole('menuitem', { name: title, exact: true }))
  }

  const look = (name, action) => step(name, () => on(page, action))

  const happens = (wait) => wait.then(() => true, () => false)

  /** A question that operators ask: from the first page the answer is at most two clicks away. */
  const ask = (question, name, answer) => look(question, async () => {
    await goHome(page)
    clicks = 0
    await answer()
    equal(clicks <= 2, true, `that ${clicks} clicks are at most two`)
    await picture(page, name)
    await close()
  })
  const close = async () => {
    if (await dialog.count()) {
      await dialog.getByRole('button', { name: 'Close' }).click()
      await dialog.waitFor({ state: 'detached' })
    }
  }

  /** The rows that the command's window shows, each as what stands in its columns. */
  const table = async () => {
    await dialog.locator('.markdown-content table').waitFor()
    return dialog.locator('.markdown-content').evaluate((content) => {
      const [head, ...rows] = [...content.querySelectorAll('tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()))
      return rows.map((row) => Object.fromEntries(row.map((cell, i) => [head[i], cell])))
    })
  }
  const rowOf = async (column, value) => {
    const rows = await table()
    const row = rows.find((one) => one[column] === value)
    if (!row) {
      throw new Error(`There is no row whose ${column} is ${value}: ${JSON.stringify(rows)}`)
    }
    return row
  }

  const ops = async (path, method = 'GET', body) => {
    const answer = await fetch(`${base}/ops/${path}`, {
      method,
      headers: { 'X-Operator-Key': operatorKey, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    })
    if (!answer.ok) {
      throw new Error(`${method} /ops/${path}: ${answer.status} ${await answer.text()}`)
    }
    return answer.json()
  }

  const attribute = (span, name) => Object.values(span.attributes?.find(({ key }) => key === name)?.value ?? {})[0]?.toString()
  const findSpan = async (what, isIt) => {
    let found
    await until(what, async () => {
      const answer = await fetch(new URL('/api/telemetry/spans?limit=5000', login), { headers: { 'x-api-key': apiKey } })
      const { data } = await answer.json()
      found = data.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)).find(isIt)
      return found
    }, 60_000)
    return found
  }
  const spanRow = (name) => page.locator('.trace-view-grid').getByRole('row').filter({ has: page.locator('.span-name-container', { hasText: name }) }).first()
  const details = (heading) => page.locator('fluent-accordion-item').filter({ has: page.locator(`[slot=heading]:text-is("${heading}")`) })
  const colourOfErrors = () => page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement('i'))
    probe.style.color = 'var(--error)'
    const { color } = getComputedStyle(probe)
    probe.remove()
    return color
  })
  const isRed = async (row) => {
    const icon = row.locator('.trace-tag-icon').first()
    await icon.waitFor()
    equal(await icon.evaluate((element) => getComputedStyle(element).fill), await colourOfErrors(), 'the colour of the icon')
  }

  const { task, long, failing } = await step('users work; two exports wait, of which one will take long and one will fail', async () => {
    await ops(`jobs/${exportJob}/pause`, 'POST', { reason: 'the disk is being changed' })
    const created = await user.ask('POST', '/tasks', { title: 'Water the plants', deadline: new Date(Date.now() + 5_000).toISOString() })
    for (let i = 0; i < 5; i++) {
      await user.ask('GET', '/tasks')
      await user.ask('GET', '/tasks/statistics')
    }
    const exports = []
    for (const fate of ['hold', 'break']) {
      const { task_id: operation } = await user.ask('POST', '/tasks/export?export_format=csv')
      await askHost(`${fate} ${operation}`)
      exports.push(operation)
    }
    return { task: created, long: exports[0], failing: exports[1] }
  })

  await ask('Is everything up?', 'resources', () =>
    until('six resources run, and nothing is said against any', async () => (await states(page)).join() === Array(6).fill('Running').join(), 60_000))

  await ask('What waits, and since when?', 'queue', async () => {
    await command('jobs', 'Queue')
    const row = await rowOf('job', exportJob)
    equal(row.waiting, '2', 'how many wait')
    equal(Number(row['oldest seconds']) > 0, true, 'since when')
  })

  await ask('Is anything paused, and why?', 'paused', async () => {
    await command('jobs', 'Queue')
    const row = await rowOf('job', exportJob)
    equal([row.paused, row['pause reason']], ['True', 'the disk is being changed'], 'the pause')
  })

  await step('the exports begin', async () => {
    await ops(`jobs/${exportJob}/resume`, 'POST')
    await until('one is under way', async () => (await ops('running')).items.some((run) => run.operation_id === long), 60_000)
    await until('one has failed', async () => (await ops('history?result=failed')).items.some((run) => run.operation_id === failing), 60_000)
  })

  await ask('Which replicas work, and on what?', 'workers', async () => {
    // On a busy machine one may check in late, and is 'overdue' until it does.
    let rows = []
    await until('both replicas are alive', async () => {
      await close()
      clicks = 0
      await command('jobs', 'Workers')
      rows = await table()
      return rows.length === 2 && rows.every((row) => row.state === 'alive')
    }, 60_000)
    equal(rows.some((row) => row.running.includes(exportJob)), true, `that one of them is at the export, in ${JSON.stringify(rows)}`)
  })

  await ask('What runs now, and how far is it?', 'running', async () => {
    await command('jobs', 'Running')
    equal((await rowOf('operation id', long)).job, exportJob, 'what runs')
  })

  await ask('When does a job start next?', 'schedules', async () => {
    await command('jobs', 'Schedules')
    equal((await rowOf('job', 'daily_cleanup')).cron, '0 0 2 * * ?', 'the schedule of the cleanup')
    equal(Date.parse((await rowOf('job', 'check_overdue_tasks'))['next at']) > Date.now(), true, 'that the next check is to come')
  })

  await ask('What failed last, why, and is it tried again?', 'failures', async () => {
    await command('jobs', 'Last failures')
    // The latest are on top, and the last attempt is not tried again.
    const row = (await table()).findLast((one) => one['operation id'] === failing)
    equal([row?.job, row?.['will retry']], [exportJob, 'True'], 'what failed, and whether it is tried again')
    equal(row.error.includes('could not be converted'), true, `that '${row.error}' says why`)
  })

  await step('the cause is mended, and both exports end well', async () => {
    await askHost(`mend ${failing}`)
    await askHost('release')
    const end = async (id) => (await user.ask('GET', `/tasks/export-status/${id}`)).status
    await until('the long one is done', async () => (await end(long)) === 'completed', 60_000)
    await until('the other one is done', async () => {
      if ((await end(failing)) === 'failed') {
        // It had no attempts left.
        await ops(`runs/${failing}/retry`, 'POST')
      }
      return (await end(failing)) === 'completed'
    }, 120_000)
  })

  await ask('What has a job done of late?', 'history', async () => {
    await command('jobs', 'History')
    const rows = (await table()).filter((row) => row.job === exportJob)
    equal(rows.some((row) => row.result === 'succeeded' && row.summary.endsWith('tasks exported')), true, `that an export succeeded, in ${JSON.stringify(rows)}`)
  })

  await ask('How often, how well and how fast do jobs run?', 'statistics', async () => {
    await command('jobs', 'Statistics')
    const row = await rowOf('job', exportJob)
    equal(Number(row.failed) >= 1 && Number(row.succeeded) >= 2 && Number(row['p95 ms']) > 0, true, `that ${JSON.stringify(row)} counts them`)
  })

  await ask('Does the cache work?', 'cache', async () => {
    await command('api', 'Cache status')
    equal((await table())[0]['cache working'], 'True', 'whether it does')
  })

  await look('the trace of a task leads to its reminder, and back', async () => {
    const delivery = await findSpan('the reminder’s span', (span) => attribute(span, 'tasktracker.task.id') === String(task.id) && span.links?.length > 0)
    const request = await findSpan('the request’s span', (span) => span.traceId === delivery.links[0].traceId && span.name === 'POST /tasks')

    await page.goto(`/traces/detail/${request.traceId}`)
    await spanRow('POST /tasks').click()
    await details('Backlinks').getByText(delivery.name).waitFor()
    await details('Backlinks').getByRole('button', { name: delivery.spanId.slice(0, 7) }).click()
    await page.waitForURL(new RegExp(delivery.traceId))
    await spanRow(delivery.name).click()
    await page.getByText('tasktracker.task.id').waitFor()
    await details('Links').getByText('POST /tasks').waitFor()
    await details('Links').scrollIntoViewIfNeeded()
    await picture(page, 'reminder')
    await details('Links').getByRole('button', { name: request.spanId.slice(0, 7) }).click()
    await page.waitForURL(new RegExp(request.traceId))
  })

  await look('a run that failed is red, with its error', async () => {
    const run = await findSpan('the run’s span', (span) => attribute(span, 'tasktracker.operation.id') === failing && span.status?.code === 2)
    const row = page.getByRole('row').filter({ hasText: run.traceId.slice(0, 7) })
    // What is typed before the page is connected to the dashboard, or clicked while the list is drawn anew, is lost: for people, too.
    await until('the run is listed', async () => {
      await page.goto('/traces')
      await page.locator('fluent-search[name=traces-search] input').pressSequentially(exportJob)
      return happens(row.waitFor({ timeout: 3_000 }))
    })
    await isRed(row)
    await picture(page, 'traces')

    await until('its trace is open', async () => {
      await happens(row.locator('.trace-name-content').click({ timeout: 3_000 }))
      return happens(page.waitForURL(new RegExp(run.traceId), { timeout: 3_000 }))
    })
    await isRed(spanRow(exportJob))
    await spanRow(exportJob).click()
    await page.getByText('could not be converted').first().waitFor()
    await picture(page, 'failure')
  })

  await look('the metrics are charted', async () => {
    for (const [name, instruments] of Object.entries(charted)) {
      await page.goto(`/metrics/resource/${name}`)
      for (const instrument of instruments) {
        await page.locator(`fluent-tree-item[title="${instrument}"]`).click({ timeout: 60_000 })
        await page.getByRole('heading', { name: instrument, exact: true }).waitFor()
        await until(`${instrument} is drawn with data`, () => page.locator('.plotly-chart-container > div').first().evaluate((chart) =>
          (chart.data ?? []).some(({ y }) => y?.some((value) => typeof value === 'number'))).catch(() => false), 60_000)
        if (instrument === 'quartz.job.execution.duration') {
          await picture(page, 'metrics')
        }
      }
    }
  })

  await look('what acts asks first', async () => {
    await goHome(page)
    await command('jobs', 'Pause all jobs')
    await dialog.getByText('Pause every job?').waitFor()
    await dialog.getByRole('button', { name: 'No' }).click()
    await dialog.waitFor({ state: 'detached' })
    equal((await ops('queue')).items.filter((job) => job.paused), [], 'what a No has paused')
  })

  await look('all jobs are paused and resumed', async () => {
    await goHome(page)
    await command('jobs', 'Pause all jobs')
    await dialog.getByRole('button', { name: 'Yes' }).click()
    await until('the API says that all are paused', async () => (await ops('queue')).items.every((job) => job.paused && job.pause_reason === 'paused in the dashboard'), 60_000)

    await command('jobs', 'Resume all jobs')
    await dialog.getByRole('button', { name: 'Yes' }).click()
    await until('the API says that none is', async () => (await ops('queue')).items.every((job) => !job.paused), 60_000)
  })

  await look('a job is run by hand', async () => {
    const runs = async () => (await ops('history?job=process_task_statistics&limit=200')).items.filter((run) => run.manual).map((run) => run.id)
    const before = await runs()
    await goHome(page)
    await resource(page, 'jobs').getByTitle('Actions').click()
    await page.getByRole('menuitem', { name: 'Commands', exact: true }).hover()
    await page.getByRole('menuitem', { name: 'Run process_task_statistics now', exact: true }).hover()
    await picture(page, 'commands')
    await page.getByRole('menuitem', { name: 'Run process_task_statistics now', exact: true }).click()
    await dialog.getByText('beside its schedule?').waitFor()
    await picture(page, 'run')
    await dialog.getByRole('button', { name: 'Yes' }).click()
    await until('the API knows of the run', async () => (await runs()).some((run) => !before.includes(run)), 60_000)
  })
}
