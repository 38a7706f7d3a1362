import { useEffect, useState } from 'preact/hooks';

export type Theme = 'system' | 'light' | 'dark';
const NEXT: Readonly<Record<Theme, Theme>> = { system: 'dark', dark: 'light', light: 'system' };
/** Read by public/theme.js too. */
const KEY = 'amends-theme';

function chosen(): Theme {
  const { theme } = document.documentElement.dataset;
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

function choose(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage is forbidden here: the choice holds until the page is left.
  }
}

/** The theme, and what takes the next one. */
export function useTheme(): readonly [Theme, () => void] {
  const [theme, setTheme] = useState(chosen);
  useEffect(() => choose(theme), [theme]);
  return [theme, () => setTheme(NEXT[theme])];
}
