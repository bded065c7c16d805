// The visitor's token: from a one-time ticket in the address, from this tab's storage, or pasted into the form. It is
// kept in sessionStorage only, so that it ends with the tab and is never sent by the browser on its own.

const key = "trackgate.token";

export function storedToken(): string {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return ""; // storage switched off: the token lives as long as the page
  }
}

export function storeToken(token: string): void {
  try {
    if (token === "") sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, token);
  } catch {
    // see storedToken
  }
}

/** takeTicket reads the ticket out of the address and removes it there, before anything else may look at the address. */
export function takeTicket(): string {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const ticket = fragment.get("ticket") ?? "";
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  return ticket;
}

/** exchange gives the ticket for a token; null if the gateway no longer takes the ticket. */
export async function exchange(ticket: string): Promise<string | null> {
  const answer = await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket }),
    credentials: "omit",
    cache: "no-store",
  });
  if (!answer.ok) return null;
  const body: unknown = await answer.json();
  const token = (body as { token?: unknown } | null)?.token;
  return typeof token === "string" && token !== "" ? token : null;
}

/** cleanToken takes what people paste: with the word Bearer, line breaks or quotes around it. */
export function cleanToken(pasted: string): string {
  return pasted.replace(/\s+/g, " ").trim().replace(/^bearer /i, "").replace(/^["']|["']$/g, "").replace(/ /g, "");
}
