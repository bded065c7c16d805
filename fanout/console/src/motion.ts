// Where a marker is drawn between two fixes: it glides from where it is seen to where it was last heard of. It never runs
// ahead of the device, and a jump too long to be a drive is shown as one.

const longest = 2_000; // ms
const farthest = 5_000; // m

export interface Place {
  lng: number;
  lat: number;
  course: number;
}

export class Glide {
  #from: Place;
  #to: Place;
  #start = 0;
  #for = 0;
  #last = 0; // when the previous fix came: the next is expected as long after this one

  constructor(place: Place) {
    this.#from = this.#to = place;
  }

  get target(): Place {
    return this.#to;
  }

  /** to sets out for the next fix; smooth false goes there at once. */
  to(place: Place, at: number, smooth: boolean): void {
    const here = this.at(at);
    const gap = this.#last === 0 ? 0 : at - this.#last;
    this.#last = at;
    this.#start = at;
    this.#for = smooth && metres(here, place) < farthest ? Math.min(longest, gap) : 0;
    this.#from = here;
    this.#to = place;
  }

  /** finish ends the glide where it was going. */
  finish(): void {
    this.#for = 0;
  }

  moving(at: number): boolean {
    return at < this.#start + this.#for;
  }

  at(at: number): Place {
    if (!this.moving(at)) return this.#to;
    const part = Math.max(0, (at - this.#start) / this.#for);
    const turn = shortest(this.#to.course - this.#from.course);
    return {
      lng: wrap(this.#from.lng + shortest(this.#to.lng - this.#from.lng) * part),
      lat: this.#from.lat + (this.#to.lat - this.#from.lat) * part,
      // A vehicle turns within the first part of the way, as it would at the bend.
      course: this.#from.course + turn * Math.min(1, part * 3),
    };
  }
}

/** shortest brings a difference of degrees into (-180, 180]: the short way round, for courses and longitudes. */
export function shortest(degrees: number): number {
  const rest = ((degrees % 360) + 360) % 360;
  return rest > 180 ? rest - 360 : rest;
}

function wrap(lng: number): number {
  return lng > 180 ? lng - 360 : lng < -180 ? lng + 360 : lng;
}

/** metres between two places, on a sphere. */
export function metres(a: { lng: number; lat: number }, b: { lng: number; lat: number }): number {
  const radian = Math.PI / 180;
  const lat = Math.sin(((b.lat - a.lat) * radian) / 2) ** 2;
  const lng = Math.sin(((b.lng - a.lng) * radian) / 2) ** 2;
  const half = lat + Math.cos(a.lat * radian) * Math.cos(b.lat * radian) * lng;
  return 2 * 6_371_009 * Math.asin(Math.min(1, Math.sqrt(half)));
}
