/** When a JWT expires, in ms since 1970; undefined if it does not say. Only the server judges whether the token is good. */
export declare function expiryOf(token: string): number | undefined;
