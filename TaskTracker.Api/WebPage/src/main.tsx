import { render } from 'preact'
import { App } from './App'
import { resume } from './session'
import './style.css'

void resume()
render(<App />, document.getElementById('page')!)
