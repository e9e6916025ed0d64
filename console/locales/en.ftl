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

## Settings.
settings-title = Settings
settings-last = The last change was of { $name }.
settings-undo = Undo
settings-no-undo = There is no change to undo.
settings-allowed = Allowed:
settings-default = Default:
settings-example = Example:
settings-origin = Comes from:
settings-restart = A change takes a restart of the door.
settings-reset = Back to the owner’s files or the default
settings-others = Other keys
settings-others-hint = These keys can only be changed in the owner’s files on the board, because they protect the door.
settings-not-set = not set
done-setting = { $name } is changed.
done-setting-reset = { $name } is again as in the owner’s files, or the default.
done-setting-undone = The change of { $name } is undone.

## The camera on the page of the live picture.
camera-title = Camera
camera-again = Show a new picture
camera-light = Light
camera-dark = too dark: bring light to the place before the door
camera-bright = too bright: turn the camera away from the light
camera-good = good
camera-focus = Sharpness
camera-blurred = blurred: focus or clean the lens
camera-rotate = Turn right by 90°
camera-mirror = Swap left and right
camera-unmirror = Do not swap left and right
camera-region = Region
camera-region-hint = Faces are looked for in this part of the picture only, in pixels. Turning the picture removes the region.
camera-region-set = The picture shows the region only; remove it to choose a larger one.
camera-draw = Draw the region on the picture
camera-x = From the left
camera-y = From the top
camera-width = Width
camera-height = Height
camera-remove = Remove the region
done-camera = The camera is changed. The picture may take a few seconds.

## Work that takes long.
work-runs = The door is working on it. This page follows it; you may leave it.
work-over = It is done.

## Models.
models-title = Models
models-busy = A check or a change of models is running.
models-overridden = models.dir is set: that folder counts, and no bundle.
models-shipped = The models that the program came with are in use.
models-bundle = Bundle { $number }
models-active = in use
models-probation = on probation
models-created = Created
models-expires = Expires
models-expired = Has expired
models-model = Model
models-verify = Check
models-verify-one = Check bundle { $number }
models-verify-title = Check of the models
models-activate = Use
models-activate-one = Use bundle { $number }
models-activate-title = Change the models
models-activate-question = Bundle { $number } replaces the models in use.
models-rollback = Back to the models before
models-rollback-title = Roll the models back
models-rollback-question = The models that were in use before replace those in use.
models-minutes = The door makes templates of all people, which takes a minute or more. It works on meanwhile.
models-without = People without stored photos
models-without-hint = No template can be made of these people. The door refuses the change unless you check them; they must then be enrolled again.
models-templates = Templates: { $number }
models-good = good
models-bad = not good:
models-refused = The models were not changed. The door says:
models-in-use = Bundle { $number } is in use.
models-computed = Templates made: { $number }.
models-strangers = These people must be enrolled again:
models-none = No bundle is stored. On the board, this command downloads one:
models-back = To the models

## Setting up a door.
setup-title = Setup
setup-hint = In this order. You can leave a step out and come back.
setup-done = done
setup-open = to do
setup-back = Back to the setup
setup-name = Name and language
setup-name-hint = The name of the door is { $name }. It can be changed on the board: door.name in /etc/ostiary/ostiary.toml.
setup-language = Language in which the door asks people
setup-camera = The camera
setup-camera-hint = Aim the camera so that faces are upright, well lit and sharp.
setup-person = The first person
setup-person-hint = Enrolled people: { $number }.
setup-people = To the people
setup-relay = The relay
setup-relay-hint = This switches the relay for one pulse, and the door opens. Stand beside it and listen for the click. The step is done when a command has opened the door.
setup-relay-name = To confirm, type the name of the door: { $name }
setup-relay-test = Test the relay
setup-recognized = Somebody is recognized
setup-recognized-hint = Stand before the camera as an enrolled person: the door opens.
setup-liveness-hint = Try at this door which pictures it lets in, and how often it refuses its own people.
setup-liveness-off = liveness.level is off: a photo of an enrolled person opens the door. It can be changed in the owner’s files only.
setup-health = The state of all parts
setup-health-hint = The door checks everything that it depends on, and says how to fix each fault.
setup-mqtt = Home Assistant (MQTT) and what protects the door are set up on the board, with:
done-relay = The relay was switched once. Did it click? If not, check the wiring.

## Tests of liveness.
liveness-title = Test with pictures
liveness-work-title = Test with pictures: a part runs
liveness-busy = A part of a test is running.
liveness-results = Results
liveness-changed = The last test does not count any longer. Since then changed:
liveness-none = Nothing was tested yet.
liveness-part = Part
liveness-errors = Errors
liveness-interval = 95 % interval
liveness-parts = Begin a part
liveness-impossible = No test can begin. The door says:
liveness-hint = The door counts what is shown to it. Nobody else should come to the door meanwhile. A part ends by itself, by its button, or when nobody has looked at its page for ten minutes.
liveness-presentations = How many times
liveness-begin = Begin
liveness-counted = Counted: { $number }
liveness-end = End this part
liveness-back = To all parts and results
done-liveness-ending = The part ends when nothing is in view any longer.
