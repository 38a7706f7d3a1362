import { render } from 'preact';
import { App } from './app.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/shell.css';
import './styles/transactions.css';
import './styles/transaction.css';
import './styles/graph.css';
import './styles/timeline.css';
import './styles/drawer.css';
import './styles/pages.css';

render(<App />, document.getElementById('console')!);
