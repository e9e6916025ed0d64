### English.

## On every page.
skip = Skip to the content
nav = Pages
nav-door = Door
nav-live = Live picture
nav-account = Account
sign-out = Sign out
cancel = Cancel
save = Save
duration-minutes = { $number } min
duration-hours = { $number } h
duration-days = { $number } days

## Signing in.
sign-in-title = Sign in
sign-in = Sign in
sign-in-name = Name
sign-in-password = Password
sign-in-wrong = The name or the password is wrong.
sign-in-pair = I have a one-time code
done-signed-out = You are signed out.
done-signed-out-everywhere = All browsers are signed out.

## Pairing a browser by a one-time code.
pair-title = Pair this browser
pair-how = An administrator gets a code on the board with:
pair-code = One-time code
pair = Pair
pair-sign-in = I have an account
pair-wrong-code = This code is not valid: it is mistyped, was used already, or has expired. Ask for another one.
done-paired = Welcome, { $name }. From now on, sign in with this name and your password.

## Passwords.
password-new = New password
password-again = New password again
password-current = Current password
password-hint = At least { $number } characters.
password-too-short = The password needs at least { $number } characters.
password-too-long = The password is too long.
password-too-easy = The password is too easy to guess.
password-differs = The two passwords differ.
password-wrong = The current password is wrong.

## The door.
door-title = Door
mode-normal = Normal: enrolled people are let in
mode-held-open = Held open for { $number } more min
mode-locked-down = Locked down: faces do not open the door
mode-fault = Locked by a fault until a restart
state-no-relay = No relay is configured: nothing opens.
state-no-camera = The camera gives no pictures.
state-contact = Door contact
state-open = open
state-closed = closed
state-unknown = unknown
state-exit = Exit button
state-pressed = pressed
state-not-pressed = not pressed
state-people = Enrolled people
state-liveness = Test for pictures
state-model = Model
state-version = Version
state-uptime = Running for
door-control = Open and lock
door-open = Open the door
door-hold-for = Hold open for
door-hold = Hold open
door-normal = Back to normal
door-lockdown = Lock down
door-lockdown-hint = In a lockdown no face opens the door. The exit button does.
open-title = Open the door?
open-question = The door “{ $name }” opens once, for whoever stands before it.
done-opened = The door was opened.
done-held = The door is held open.
done-locked-down = The door is locked down.
done-normal = The door works as usual.

## The live picture. What a person before the camera should do.
live-title = Live picture
live-picture = The picture of the door’s camera
live-waiting = Waiting for a picture …
live-lost = There is no connection. Trying again.
live-nobody = Nobody is in view.
live-failed = The door gives no picture.
live-unknown = unknown
advice-too-small = come closer
advice-too-dark = too dark: bring light to the face
advice-too-bright = too bright: keep the light out of the camera
advice-blurred = blurred: hold still
advice-turned-away = look straight at the camera
advice-tilted = hold the head upright
advice-eyes-covered = the eyes are covered: take off the dark glasses
advice-mouth-covered = the mouth is covered: take off the mask
advice-cut-off = the edge of the picture cuts the face off: move into the picture
advice-not-upright = the head is upside down, sideways or mostly covered

## The account.
account-title = Account
account-name = Name
account-role = Role
role-viewer = viewer: may look
role-operator = operator: may also open and lock
role-admin = administrator: may do everything
account-language = Language
account-language-browser = As the browser
account-password = Password
account-change-password = Change the password
account-sessions = Signed-in browsers
account-session-began = Signed in
account-session-used = last used
account-sign-out-everywhere = Sign out everywhere
done-language = The language is saved.
done-password = The password is changed. Other browsers are signed out.

## Errors.
error-title = This does not work
error-back = Back to the first page
error-not-signed-in = You are not signed in.
error-account-ended = This account is not valid any longer. Ask an administrator for a new code.
error-not-allowed = Your role does not allow this.
error-refused = The door refuses this. It says:
error-door-silent = The door does not answer. It may be restarting; try again in a minute.
error-not-found = There is no such page.
error-other-site = The request came from another site and was refused. Open the page of the console and try again.
error-bad-request = The form is incomplete. Go back and try again.
error-too-large = What was sent is too large.
error-too-many = Too many tries. Wait a minute, then try again.
error-busy = The console is busy. Try again in a moment.
error-internal = The console has an error. Its log says more.
