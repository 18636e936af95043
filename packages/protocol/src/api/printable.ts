/** Names have no control or direction characters: they are shown on terminals and in pages. */
export const printable = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$'
