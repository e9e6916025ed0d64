### English.

## What the person should do. Left and right are the person's own.
prompt-step-back = Step back so that your shoulders are in the picture.
prompt-look-at-camera = Look at the camera.
prompt-turn-left = Turn your head to the left.
prompt-turn-right = Turn your head to the right.
prompt-turn-up = Raise your chin.
prompt-turn-down = Lower your chin.

## The person is let in.
welcome = Welcome, { $name }.
unlocked = The door is unlocked.

## The person is not let in.
refused-not-recognized = Your face was not recognized.
refused-face-not-clear = Your face is not clearly visible. Look at the camera.
refused-too-far = Come closer to the camera.
refused-not-live = The door could not confirm that a person is standing here. Try again.
refused-several-faces = Only one person at a time before the camera, please.
refused-just-let-in = The door opened for you a moment ago. Wait a little, then try again.
refused-still-in-view = The door opened for you already. Step out of the picture, then come back.
refused-no-access = You have no access here. Ask the owner of the door.
refused-outside-hours = You have no access at this time.
refused-paused = Too many attempts. Try again later.
refused-out-of-order = The door is out of order. Use another way in.
