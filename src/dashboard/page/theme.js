// Before anything is painted: the theme that was chosen, else that of the system.
;(() => {
  const key = 'sluice-theme'
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const chosen = () => {
    try {
      return localStorage.getItem(key)
    } catch {
      return null // no storage in this browser
    }
  }
  const apply = () => {
    const theme = chosen() ?? (dark.matches ? 'dark' : 'light')
    document.documentElement.dataset.theme = theme
    document.dispatchEvent(new Event('themechange'))
    const button = document.getElementById('theme')
    if (button !== null) {
      button.textContent = theme === 'dark' ? '☀ Light' : '☾ Dark'
      button.setAttribute('aria-label', `Switch to ${theme === 'dark' ? 'light' : 'dark'} colours`)
    }
  }
  apply()
  dark.addEventListener('change', apply)
  document.addEventListener('DOMContentLoaded', () => {
    apply()
    document.getElementById('theme')?.addEventListener('click', () => {
      const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'
      try {
        localStorage.setItem(key, next)
      } catch {
        document.documentElement.dataset.theme = next
      }
      apply()
    })
  })
})()
