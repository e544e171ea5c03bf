/** The first id that was not read, a decimal text: ids may be greater than a number can hold. */
export type IdOffset = { readonly id: string }

/** The last row that was read, in the order of (updatedAt, id): texts with all digits of the server. `{}`: none was. */
export type TimeOffset = { readonly time: string; readonly id: string } | { readonly time?: never; readonly id?: never }
