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

## The record of events.
nav-events = Events
nav-report = Report
nav-health = Health
events-title = Events
events-from = From
events-until = Until
events-person = Person
events-reason = Reason
events-any-reason = any
events-kind = Kind
events-any-kind = all
events-decisions = let in or refused
events-faults = faults and alarms
events-changes = commands and changes
events-filter = Show these
events-no-filter = Show all
events-added = New events:
events-none = No event fits.
events-older = Older events
events-newest = Newest events
events-again = Load again
events-files = As a file
events-files-hint = All events of this filter, not only those of this page. They name people: keep the file safe.
events-bad-from = “From” is not a date with a time.
events-bad-until = “Until” is not a date with a time.
events-bad-span = “From” must be before “until”.
events-bad-person = The name is too long.
events-bad-reason = There is no such reason. Choose one of the list.
events-bad-kind = There is no such kind. Choose one of the list.
events-bad-page = There is no such page of events. Load the newest events.

## The reasons of decisions.
reason-granted = let in
reason-request-to-exit = let out by the exit button
reason-command = opened by a command
reason-unknown = unknown person
reason-ambiguous = two people were possible
reason-low-quality = the face was never clear enough
reason-too-far = too far away
reason-static-face = the face did not move
reason-spoof = a picture was shown
reason-not-live = not shown to be no picture
reason-several-faces = several faces in view
reason-cool-down = was let in a moment ago
reason-same-visit = has stayed in view since the last time
reason-disabled-person = the person is disabled
reason-alike = looks too much like another person
reason-outside-hours = outside the hours
reason-no-hours = the group has no hours
reason-clock-implausible = the clock cannot be right
reason-paused = pause after too many attempts
reason-locked = locked by a fault
reason-locked-down = locked down

## One event.
event-title = Event
event-why = Why
event-moments = Moments of the decision
event-at = Seconds in view
event-quality = Quality
event-similarity = Similarity
event-threshold = Needed
event-all-values = All recorded values
event-fields = What the record has
event-back = All events

## What if.
whatif-title = What if?
whatif-hint = Recorded visits are decided again with these settings. Nothing is changed.
whatif-fpir = Rate of strangers let in
whatif-frames = Good moments needed
whatif-margin = Lead over the next person
whatif-cooldown = Seconds until the same person is let in again
whatif-level = Test for pictures
whatif-alike = People who look alike
whatif-recorded = was { $value }
whatif-same = as it was
whatif-span = Visits
whatif-visit = this one
whatif-day = the day up to this one
whatif-week = the week up to this one
whatif-decide = Decide again
whatif-nothing = Change at least one setting.
whatif-bad-value = A value is not possible. Numbers have a point, as in 0.002.
whatif-bad-span = Choose which visits are decided again.
whatif-no-decision = no decision
whatif-found = Result
whatif-same-decisions = Same decisions
whatif-others = Other decisions
whatif-repeated = Summed with another denial, not decided again
whatif-not-decided = Not decided again:
whatif-was = Was
whatif-would-be = Would be
whatif-number = Number
whatif-more = And { $number } more.
whatif-settings = Settings
whatif-back = Back to the event

## The report.
report-title = Report
report-span = Time
report-day = 24 hours
report-week = 7 days
report-month = 4 weeks
report-all = All
report-bad-span = There is no such span of time. Choose one above.
report-none = There was no visit in this time.
report-visits = Visits
report-repeated = Further denials, summed with one of these visits
report-strangers-title = Strangers
report-nearest = The stranger who came nearest
report-histogram = Similarity minus threshold
report-histogram-hint = Number of visits. From 0 on a face is a match.
report-difference = Difference
report-strangers = Strangers
report-granted = Let in
report-people = People
report-people-hint = How often each person was not recognized, with the 95 % interval of the share.
report-name = Name
report-refused = Not recognized
report-share = Share
report-interval = 95 % interval
report-weeks = Weeks
report-begins = From
report-median = Median
report-highest = Highest
report-rates = Other rates
report-more = More let in
report-fewer = Fewer let in
report-extrapolated = extrapolated

## The health of the door.
health-title = Health
health-checks = Checks
health-hint = The door checks all that it depends on: models, camera, disk, clock, temperature and more. This takes up to a minute and does not disturb it.
health-run = Run the checks
health-wait = The findings come one after the other, for up to a minute.
health-ok = In order
health-warning = Warning
health-fault = Fault
health-fix = How to fix it:
health-done = All checks are done.
health-again = Run the checks again
health-faults = Newest faults and alarms
health-no-faults = The record has none.
health-all-faults = All faults and alarms
health-back = Back to the health of the door
