/** Whatever was thrown as text, even if it does not know how to become one. */
export function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "something that has no text";
  }
}
