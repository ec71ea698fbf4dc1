import { useEffect } from 'preact/hooks'
import { AddLine } from './AddLine'
import { BulkBar } from './BulkBar'
import { Connection } from './Connection'
import { Header } from './Header'
import { unread, keepUp } from './reminders'
import { user } from './session'
import { SignIn } from './SignIn'
import { TaskList } from './TaskList'
import { keepUpToDate } from './tasks'
import { ToastList } from './ToastList'
import { Toolbar } from './Toolbar'

export function App() {
  return (
    <>
      <Connection />
      {user.value ? <Home key={user.value.id} /> : user.value === null ? <SignIn /> : null}
      <ToastList />
    </>
  )
}

function Home() {
  useEffect(keepUpToDate, [])
  useEffect(keepUp, [])
  useEffect(() => {
    document.title = unread.value > 0 ? `(${unread.value}) TaskTracker` : 'TaskTracker'
  }, [unread.value])

  return (
    <div class="home">
      <Header />
      <main>
        <AddLine />
        <Toolbar />
        <TaskList />
      </main>
      <BulkBar />
    </div>
  )
}
