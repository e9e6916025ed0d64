### Vietnamese. Address: bạn.

## What the person should do. Left and right are the person's own.
prompt-step-back = Hãy lùi lại để thấy cả hai vai trong khung hình.
prompt-look-at-camera = Hãy nhìn vào camera.
prompt-turn-left = Hãy quay đầu sang trái.
prompt-turn-right = Hãy quay đầu sang phải.
prompt-turn-up = Hãy ngẩng đầu lên.
prompt-turn-down = Hãy cúi đầu xuống.

## The person is let in.
welcome = Xin chào { $name }.
unlocked = Cửa đã mở khóa.

## The person is not let in.
refused-not-recognized = Không nhận ra khuôn mặt của bạn.
refused-face-not-clear = Không thấy rõ khuôn mặt của bạn. Hãy nhìn vào camera.
refused-too-far = Hãy đến gần camera hơn.
refused-not-live = Cửa chưa xác nhận được có người thật đứng ở đây. Hãy thử lại.
refused-several-faces = Mỗi lần chỉ một người đứng trước camera.
refused-just-let-in = Cửa vừa mở cho bạn. Hãy đợi một lát rồi thử lại.
refused-still-in-view = Cửa đã mở cho bạn rồi. Hãy bước ra khỏi khung hình rồi quay lại.
refused-no-access = Bạn không có quyền vào đây. Hãy liên hệ với người quản lý cửa.
refused-outside-hours = Bạn không được vào cửa vào giờ này.
refused-paused = Đã thử quá nhiều lần. Hãy thử lại sau.
refused-out-of-order = Cửa đang gặp sự cố. Hãy dùng lối vào khác.
