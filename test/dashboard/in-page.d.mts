export function poorContrasts(): readonly string[]
export function spilled(): { readonly wide: number; readonly cut: readonly string[]; readonly out: number }
export function unnamed(): readonly string[]
export function focused(): string | null | undefined
