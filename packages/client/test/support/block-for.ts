/** Nothing else happens in this process meanwhile. */
export function blockFor(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}
