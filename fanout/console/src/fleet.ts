// What the page knows of each vehicle, and the rules by which an event changes it.

import { now } from "./clock.ts";
import { fixTime, hasFix, millis, type Event, type Fix } from "./event.ts";

export type State = "moving" | "parked" | "stale" | "alarm";
export const states: readonly State[] = ["moving", "parked", "stale", "alarm"];

const staleAfter = 5 * 60_000;
const alarmShownFor = 15 * 60_000; // or until it is dismissed
const movingFrom = 3; // km/h: below, a parked receiver's noise looks like speed

export interface Vehicle {
  readonly id: string;
  fix: Fix | null; // the newest live valid fix: where the marker stands
  last: Event; // the newest event of any kind
  attrs: Map<string, unknown>; // the newest value of each attribute
  attrsTime: number;
  heard: number; // ms, the gateway's clock: when anything last arrived
  alarm: Alarm | null;
  state: State;
}

export interface Alarm {
  key: string;
  vehicle: string;
  kind: string;
  time: number;
}

export class Fleet {
  readonly vehicles = new Map<string, Vehicle>();

  /** position takes a live fix or a last known one. It tells whether the marker has to go elsewhere. */
  position(event: Event): { vehicle: Vehicle; moved: boolean } {
    const vehicle = this.#hear(event);
    // The gateway already promises order; the compare is repeated because a snapshot may cross an update on its way.
    const moved =
      hasFix(event) && event.late !== true && (!vehicle.fix || fixTime(event) >= fixTime(vehicle.fix));
    if (moved) vehicle.fix = event as Fix;
    vehicle.state = stateOf(vehicle);
    return { vehicle, moved };
  }

  /** event takes what must not move the marker: a stored upload, a status, an alarm, a fix in doubt. */
  event(event: Event): Vehicle {
    const vehicle = this.#hear(event);
    vehicle.state = stateOf(vehicle);
    return vehicle;
  }

  /** alarm notes the event's alarm; null if it has none or it was noted before. */
  alarm(event: Event): Alarm | null {
    if (!event.alarm) return null;
    const vehicle = this.vehicles.get(event.vehicle);
    if (!vehicle) return null;
    const time = fixTime(event) || now();
    const alarm = {
      key: event.id ?? `${event.vehicle} ${time} ${event.alarm}`,
      vehicle: event.vehicle,
      kind: event.alarm,
      time,
    };
    if (now() - time < alarmShownFor && (!vehicle.alarm || vehicle.alarm.time <= time)) {
      vehicle.alarm = alarm;
      vehicle.state = stateOf(vehicle);
    }
    return alarm;
  }

  dismiss(id: string): void {
    const vehicle = this.vehicles.get(id);
    if (!vehicle) return;
    vehicle.alarm = null;
    vehicle.state = stateOf(vehicle);
  }

  /** grow old: gives the vehicles whose state changed only because time went by. */
  refresh(): Vehicle[] {
    const changed: Vehicle[] = [];
    for (const vehicle of this.vehicles.values()) {
      const state = stateOf(vehicle);
      if (state === vehicle.state) continue;
      vehicle.state = state;
      changed.push(vehicle);
    }
    return changed;
  }

  #hear(event: Event): Vehicle {
    let vehicle = this.vehicles.get(event.vehicle);
    if (!vehicle) {
      vehicle = {
        id: event.vehicle,
        fix: null,
        last: event,
        attrs: new Map(),
        attrsTime: 0,
        heard: 0,
        alarm: null,
        state: "stale",
      };
      this.vehicles.set(vehicle.id, vehicle);
    }
    vehicle.heard = Math.max(vehicle.heard, millis(event.received) || millis(event.time));
    const time = fixTime(event);
    if (event.late !== true && time >= vehicle.attrsTime) {
      vehicle.last = event;
      vehicle.attrsTime = time;
      for (const [name, value] of Object.entries(event.attrs ?? {})) vehicle.attrs.set(name, value);
    }
    return vehicle;
  }
}

function stateOf(vehicle: Vehicle): State {
  const at = now();
  if (vehicle.alarm && at - vehicle.alarm.time < alarmShownFor) return "alarm";
  if (at - vehicle.heard > staleAfter) return "stale";
  const { fix } = vehicle;
  if (fix?.speed !== undefined) return fix.speed >= movingFrom ? "moving" : "parked";
  return fix && vehicle.attrs.get("motion") === true ? "moving" : "parked";
}
