export { connect } from './client.js';
