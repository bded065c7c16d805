// The ages on the page are judged by the gateway's clock: a wrong clock in the visitor's computer must not make a fleet
// look stale.

let offset = 0;

/** learnClock takes the Date header of an answer. It has whole seconds only, so small differences are left alone. */
export function learnClock(header: string | null): void {
  const server = header ? Date.parse(header) : NaN;
  if (Number.isNaN(server)) return;
  const difference = server - Date.now();
  offset = Math.abs(difference) > 5_000 ? difference : 0;
}

export function now(): number {
  return Date.now() + offset;
}

/** age says how long ago in the shortest form that a list has room for. */
export function age(ms: number): string {
  if (ms === 0) return "never";
  const seconds = Math.max(0, Math.round((now() - ms) / 1000));
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ago`;
  return `${Math.floor(hours / 24)} d ago`;
}
