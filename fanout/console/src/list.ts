// The list of vehicles: only the rows in view exist, so that ten thousand vehicles scroll like ten.

import { age } from "./clock.ts";
import { element, setText } from "./element.ts";
import { states, type Fleet, type State, type Vehicle } from "./fleet.ts";
import { alarmName } from "./names.ts";

const rowHeight = 56; // px, as in style.css

interface Row {
  root: HTMLElement;
  name: HTMLElement;
  note: HTMLElement;
  speed: HTMLElement;
}

export class List {
  #fleet: Fleet;
  #view: HTMLElement;
  #spacer: HTMLElement;
  #rows: Row[] = [];
  #sorted: Vehicle[] = []; // all, by name
  #shown: Vehicle[] = []; // what the search and the filter leave, alarms first
  #words: string[] = [];
  #filter: State | null = null;
  #selected = "";
  #active = -1; // where the keyboard is, an index of #shown
  #orderStale = true;
  #due = false;
  #collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  onSelect: (id: string) => void = () => {};
  onCounts: (counts: Record<State, number>, total: number, shown: number) => void = () => {};

  constructor(fleet: Fleet, view: HTMLElement) {
    this.#fleet = fleet;
    this.#view = view;
    this.#spacer = element("div", { class: "spacer", role: "presentation" });
    view.append(this.#spacer);
    view.addEventListener("scroll", () => this.update(), { passive: true });
    // A row is whoever's it was when it was pressed: before the button is up again the list may have moved on.
    let pressed = "";
    view.addEventListener("pointerdown", (press) => (pressed = vehicleAt(press)));
    view.addEventListener("click", (click) => {
      const id = pressed || vehicleAt(click);
      pressed = "";
      if (this.#fleet.vehicles.has(id)) this.onSelect(id);
    });
    view.addEventListener("keydown", (press) => this.#key(press));
    view.addEventListener("focus", () => {
      if (this.#active < 0) this.#go(Math.max(0, this.#shown.findIndex((v) => v.id === this.#selected)));
    });
    new ResizeObserver(() => this.update()).observe(view);
  }

  search(text: string): void {
    this.#words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
    this.#active = -1;
    this.#view.scrollTop = 0;
    this.reorder();
  }

  filter(state: State | null): void {
    this.#filter = state;
    this.#active = -1;
    this.#view.scrollTop = 0;
    this.reorder();
  }

  select(id: string): void {
    this.#selected = id;
    this.#active = this.#shown.findIndex((vehicle) => vehicle.id === id);
    if (id !== "" && this.#active >= 0) this.#reveal(this.#active);
    this.update();
  }

  /** first gives the topmost vehicle shown, for Enter in the search box. */
  first(): Vehicle | undefined {
    return this.#shown[0];
  }

  /** reorder is for when vehicles come, go or change state; update is enough when only their numbers change. */
  reorder(): void {
    this.#orderStale = true;
    this.update();
  }

  update(): void {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #order(): void {
    this.#orderStale = false;
    const { vehicles } = this.#fleet;
    // One may have gone while another came: the number alone does not tell.
    if (this.#sorted.length !== vehicles.size || this.#sorted.some((vehicle) => vehicles.get(vehicle.id) !== vehicle)) {
      this.#sorted = [...vehicles.values()].sort((a, b) => this.#collator.compare(a.id, b.id));
    }
    const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<State, number>;
    const alarms: Vehicle[] = [];
    const others: Vehicle[] = [];
    for (const vehicle of this.#sorted) {
      counts[vehicle.state]++;
      if (this.#filter && vehicle.state !== this.#filter) continue;
      if (!this.#matches(vehicle)) continue;
      (vehicle.state === "alarm" ? alarms : others).push(vehicle);
    }
    this.#shown = alarms.concat(others);
    this.#spacer.style.height = `${this.#shown.length * rowHeight}px`;
    this.onCounts(counts, this.#sorted.length, this.#shown.length);
  }

  #matches(vehicle: Vehicle): boolean {
    if (this.#words.length === 0) return true;
    const { last } = vehicle;
    const text = `${vehicle.id} ${last.device ?? ""} ${last.protocol ?? ""} ${last.attrs?.driver_id ?? ""}`.toLowerCase();
    return this.#words.every((word) => text.includes(word));
  }

  #draw(): void {
    if (this.#orderStale) this.#order();
    const top = this.#view.scrollTop;
    const first = Math.max(0, Math.floor(top / rowHeight) - 2);
    const end = Math.min(this.#shown.length, Math.ceil((top + this.#view.clientHeight) / rowHeight) + 2);
    while (this.#rows.length < end - first) this.#rows.push(this.#makeRow());
    this.#rows.forEach((row, i) => {
      const vehicle = i < end - first ? this.#shown[first + i] : undefined;
      row.root.hidden = !vehicle;
      if (vehicle) this.#fill(row, vehicle, first + i);
      else delete row.root.dataset.vehicle; // a spare row is nobody's
    });
    const active = this.#active >= first && this.#active < end ? `row-${this.#active - first}` : "";
    if (active) this.#view.setAttribute("aria-activedescendant", active);
    else this.#view.removeAttribute("aria-activedescendant");
  }

  #makeRow(): Row {
    const name = element("span", { class: "row-name" });
    const note = element("span", { class: "row-note" });
    const speed = element("span", { class: "row-speed" });
    const root = element(
      "div",
      { class: "row", role: "option", id: `row-${this.#rows.length}`, "data-testid": "vehicle-row" },
      element("span", { class: "mark", "aria-hidden": "true" }),
      element("span", { class: "row-text" }, name, note),
      speed,
    );
    this.#spacer.append(root);
    return { root, name, note, speed };
  }

  #fill(row: Row, vehicle: Vehicle, index: number): void {
    const { root } = row;
    const { fix } = vehicle;
    root.style.transform = `translateY(${index * rowHeight}px)`;
    root.dataset.vehicle = vehicle.id;
    root.dataset.state = vehicle.state;
    root.setAttribute("aria-posinset", String(index + 1));
    root.setAttribute("aria-setsize", String(this.#shown.length));
    root.setAttribute("aria-selected", String(vehicle.id === this.#selected));
    root.classList.toggle("active", index === this.#active);
    setText(row.name, vehicle.id);
    const what =
      vehicle.state === "alarm" && vehicle.alarm
        ? alarmName(vehicle.alarm.kind)
        : !fix
          ? "no position yet"
          : { moving: "moving", parked: "parked", stale: "stale", alarm: "alarm" }[vehicle.state];
    setText(row.note, `${what} · ${age(vehicle.heard)}`);
    setText(row.speed, vehicle.state === "moving" && fix?.speed !== undefined ? `${Math.round(fix.speed)} km/h` : "");
  }

  #key(press: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#view.clientHeight / rowHeight) - 1);
    const last = this.#shown.length - 1;
    const to: Record<string, number> = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: this.#active + page,
      PageUp: this.#active - page,
      Home: 0,
      End: last,
    };
    if (press.key in to) {
      press.preventDefault();
      this.#go(Math.min(last, Math.max(0, to[press.key]!)));
    } else if (press.key === "Enter" || press.key === " ") {
      press.preventDefault();
      const vehicle = this.#shown[this.#active];
      if (vehicle) this.onSelect(vehicle.id);
    }
  }

  #go(index: number): void {
    if (index > this.#shown.length - 1) return;
    this.#active = index;
    this.#reveal(index);
    this.update();
  }

  #reveal(index: number): void {
    const top = index * rowHeight;
    const { scrollTop, clientHeight } = this.#view;
    if (top < scrollTop) this.#view.scrollTop = top;
    else if (top + rowHeight > scrollTop + clientHeight) this.#view.scrollTop = top + rowHeight - clientHeight;
  }
}

function vehicleAt(event: MouseEvent): string {
  return (event.target as HTMLElement).closest<HTMLElement>("[data-vehicle]")?.dataset.vehicle ?? "";
}
