import './format/correctLanguage.ts'
import { render } from 'preact'
import { App } from './App.tsx'
import 'uplot/dist/uPlot.min.css'
import './styles/colors.css'
import './styles/base.css'
import './styles/reasonDots.css'
import './styles/header.css'
import './styles/filterForm.css'
import './styles/signIn.css'
import './styles/charts.css'
import './styles/liveSessions.css'
import './styles/sessionEndList.css'
import './styles/sessionEndDialog.css'
import './styles/narrowScreens.css'
import './styles/print.css'

const root = document.getElementById('app')
if (root) render(<App />, root)
