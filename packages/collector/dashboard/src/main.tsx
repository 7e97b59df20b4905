import { render } from 'preact'
import { App } from './App.tsx'
import 'uplot/dist/uPlot.min.css'
import './style/colours.css'
import './style/base.css'
import './style/top.css'
import './style/signIn.css'
import './style/overview.css'
import './style/rows.css'
import './style/detail.css'
import './style/narrow.css'
import './style/print.css'

const place = document.getElementById('app')
if (place) render(<App />, place)
