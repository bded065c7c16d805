const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** When a JWT expires, in ms since 1970; undefined if it does not say. Only the server judges whether the token is good. */
export function expiryOf(token) {
    let bits = 0;
    let held = 0;
    let text = '';
    for (const c of token.split('.')[1] ?? '') {
        const value = alphabet.indexOf(c);
        if (value < 0)
            return undefined;
        bits = ((bits << 6) | value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            text += String.fromCharCode((bits >> held) & 0xff); // bytes: a name in UTF-8 is garbled, a number is not
        }
    }
    try {
        const { exp } = JSON.parse(text);
        return typeof exp === 'number' ? exp * 1000 : undefined;
    }
    catch {
        return undefined;
    }
}
