// Before the first paint, so that a chosen theme does not flash the other one. A file of its own: the page allows no inline script.
try {
  const theme = localStorage.getItem('amends-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden here: the system's theme it is.
}
