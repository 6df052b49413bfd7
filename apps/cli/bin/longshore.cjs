#!/usr/bin/env node
'use strict';

// Old Nodes must be able to parse this file: they are told here that they are too old.
const path = require('path');
require('@longshore/launcher').launch({
  name: 'longshore',
  package: path.dirname(__dirname),
  refusal: 7,
  hasCompileCache: true,
});
